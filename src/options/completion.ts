/** Shell completion for bash, zsh and fish, from the same table as `--help`. */
import { UsageError } from '../base/errors.ts';
import { quotedShellWord } from '../base/shell-word.ts';
import type { RawOptions } from './raw.ts';
import { OPTION_TABLE, type Option } from './table.ts';

/**
 * @returns the script for the shell that `--completion` names
 * @throws {UsageError} for another shell
 */
export function completionFor(raw: RawOptions): string {
  const shell = raw.completion?.at(-1)?.text;
  if (shell === 'bash') return bashCompletion();
  if (shell === 'zsh') return zshCompletion();
  if (shell === 'fish') return fishCompletion();
  throw new UsageError(`--completion ${shell}`, 'not bash, zsh or fish', 'write e.g. --completion bash');
}

/** The possible values of an option: words, a path, or neither if they cannot be completed. */
function expected({ value = '' }: Option): { readonly words: readonly string[]; readonly path: boolean } {
  const parts = value.split('|');
  return { words: parts.filter((part) => /^[a-z]+$/.test(part)), path: parts.includes('PATH') };
}

const FLAGS = ['--help', '--version'];

/** See "Programmable Completion" in bash(1). bash splits words at `=` and `:` too. */
function bashCompletion(): string {
  const valued = OPTION_TABLE.filter(({ value }) => value !== undefined);
  const cases = valued.flatMap((row) => {
    const { words, path } = expected(row);
    const ways = [...(words.length > 0 ? [`-W '${words.join(' ')}'`] : []), ...(path ? ['-f'] : [])];
    if (ways.length === 0) return [];
    const file = path ? 'compopt -o filenames 2>/dev/null; ' : '';
    return `    --${row.name}) ${file}COMPREPLY=($(compgen ${ways.join(' ')} -- "$cur")) ;;`;
  });
  return `# bash completion of sd-ready-wrap: source <(sd-ready-wrap --completion bash)
_sd_ready_wrap() {
  local cur=\${COMP_WORDS[COMP_CWORD]} i=1 option= valued=' ${valued.map(({ name }) => `--${name}`).join(' ')} '
  COMPREPLY=()
  while [ "$i" -lt "$COMP_CWORD" ]; do
    option=
    case \${COMP_WORDS[i]} in
      --) i=$((i + 1)); break ;;
      -*) ;;
      *) break ;;
    esac
    case $valued in *" \${COMP_WORDS[i]} "*) option=\${COMP_WORDS[i]} ;; esac
    i=$((i + 1))
    [ "\${COMP_WORDS[i]}" != = ] || i=$((i + 1))
    [ -n "$option" ] || continue
    # skip the value, which bash may have split into several words
    i=$((i + 1))
    while [[ $i -le $COMP_CWORD && ( \${COMP_WORDS[i]} =~ ^[:=]+$ || \${COMP_WORDS[i-1]} =~ ^[:=]+$ ) ]]; do
      i=$((i + 1))
    done
  done
  # complete the app's words as bash would without us
  if [ "$i" -lt "$COMP_CWORD" ]; then
    if declare -F _command_offset >/dev/null; then
      _command_offset "$i"
    else
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -f -- "$cur"))
    fi
    return
  fi
  [ "$i" -gt "$COMP_CWORD" ] || option=
  [ "$cur" != = ] || cur=
  case $option in
${cases.join('\n')}
    '')
      if [[ $cur == -* && \${COMP_WORDS[i-1]} != -- ]]; then
        COMPREPLY=($(compgen -W '${[...OPTION_TABLE.map(({ name }) => `--${name}`), ...FLAGS].join(' ')}' -- "$cur"))
      elif [[ $cur == */* ]]; then
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$cur"))
      else
        COMPREPLY=($(compgen -c -- "$cur"))
      fi
      ;;
  esac
}
complete -F _sd_ready_wrap sd-ready-wrap
`;
}

/** See zshcompsys(1). */
function zshCompletion(): string {
  const specs = OPTION_TABLE.map((row) => {
    const { words, path } = expected(row);
    // with a leading space zsh passes only these words to the function
    const action = path ? ` _sd_ready_wrap_word_or_path ${words.join(' ')}` : `(${words.join(' ')})`;
    const value = row.value === undefined ? '' : `:${inSpec(row.value)}:${action}`;
    const often = row.repeats ? '*' : '';
    return `${often}--${row.name}${value === '' ? '' : '='}[${inSpec(row.help)}]${value}`;
  });
  const lines = [...specs, '(- *)--help[all options]', '(- *)--version[the versions]'];
  return `#compdef sd-ready-wrap
# zsh completion of sd-ready-wrap: put it into a directory of $fpath as _sd-ready-wrap, or
# source <(sd-ready-wrap --completion zsh)
_sd_ready_wrap_word_or_path() {
  compadd -- "$@"
  _files
}
_sd_ready_wrap() {
  _arguments -s -S -A '-*' \\
${lines.map((line) => `    ${quotedShellWord(line)} \\`).join('\n')}
    '(-):command: _command_names -e' \\
    '*::arguments: _normal'
}
if [ "$funcstack[1]" = _sd-ready-wrap ]; then _sd_ready_wrap "$@"; else compdef _sd_ready_wrap sd-ready-wrap; fi
`;
}

/** Escapes the delimiters in a spec of _arguments. */
function inSpec(text: string): string {
  return text.replace(/[\\[\]:]/g, '\\$&');
}

/** See https://fishshell.com/docs/current/completions.html. */
function fishCompletion(): string {
  const valued = OPTION_TABLE.filter(({ value }) => value !== undefined).map(({ name }) => `--${name}`);
  const lines = OPTION_TABLE.map((row) => {
    const { words, path } = expected(row);
    const value = row.value === undefined ? '' : path ? ' -r' : ' -x';
    const choice = words.length === 0 ? '' : ` -a '${words.join(' ')}'`;
    return `-l ${row.name}${value}${choice} -d ${fishWord(row.help)}`;
  });
  return `# fish completion of sd-ready-wrap: sd-ready-wrap --completion fish | source
# The app's command line as far as it is typed; fails if an option may still follow.
function __sd_ready_wrap_app
    set -l valued ${valued.join(' ')}
    set -l words (commandline -opc)
    set -l at 2
    while test $at -le (count $words)
        switch $words[$at]
            case --
                test $at -lt (count $words); and string escape -- $words[(math $at + 1)..-1] | string join ' '
                return 0
            case '-*'
                contains -- $words[$at] $valued; and set at (math $at + 1)
                set at (math $at + 1)
            case '*'
                string escape -- $words[$at..-1] | string join ' '
                return 0
        end
    end
    return 1
end
# complete the app's words as fish would without us
function __sd_ready_wrap_app_word
    set -l app (__sd_ready_wrap_app)
    complete -C "$app "(commandline -ct)
end
complete -c sd-ready-wrap -f -a '(__sd_ready_wrap_app_word)'
${[...lines, "-l help -d 'all options'", "-l version -d 'the versions'"]
  .map((line) => `complete -c sd-ready-wrap -n 'not __sd_ready_wrap_app >/dev/null' ${line}`)
  .join('\n')}
`;
}

/** In single quotes, with quotes and backslashes escaped. */
function fishWord(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
