/** The options and words of `npm run bench -- ...`. */

const SWITCHES = ['quick', 'check'];
const VALUES = { json: 'FILE', svg: 'FILE', from: 'FILE', beside: 'DIR' };

/**
 * @param {string[]} args
 * @param {import('./rows.js').Row[]} rows
 * @returns {{quick: boolean, check: boolean, json?: string, svg?: string, from?: string, beside?: string,
 * words: string[]}}
 */
export function parse(args, rows) {
  const options = { quick: false, check: false, words: [] };
  const known = [...new Set(rows.flatMap(({ name, parts = [] }) => [name, ...parts]))];
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index];
    const option = word.startsWith('--') ? word.slice(2) : '';
    if (SWITCHES.includes(option)) options[option] = true;
    else if (Object.hasOwn(VALUES, option)) {
      index += 1;
      if (index === args.length) refuse(`--${option} needs a ${VALUES[option]}`);
      options[option] = args[index];
    } else if (known.includes(word)) options.words.push(word);
    else {
      const all = [
        ...SWITCHES.map((each) => `--${each}`),
        ...Object.entries(VALUES).map((each) => `--${each.join(' ')}`),
        ...known,
      ];
      refuse(`unknown word ${word}; use ${all.join(', ')}`);
    }
  }
  return options;
}

/**
 * The named rows, each with its named parts, or with all parts. If no row is named, all rows that have a named part.
 * @returns {{row: import('./rows.js').Row, parts: string[]}[]}
 */
export function choose(rows, words) {
  const named = rows.map((row) => ({ row, parts: (row.parts ?? []).filter((part) => words.includes(part)) }));
  const byName = named.filter(({ row }) => words.includes(row.name));
  const byPart = named.filter(({ parts }) => parts.length > 0);
  const chosen = [byName, byPart, named].find((some) => some.length > 0);
  return chosen.map(({ row, parts }) => ({ row, parts: parts.length > 0 ? parts : (row.parts ?? []) }));
}

function refuse(problem) {
  process.stderr.write(`bench: ${problem}\n`);
  process.exit(64);
}
