/** A whole command line in the place of the program, as from a shell's quotes: `-- "node server.js"`. */

/** @returns what is wrong and what to write instead; undefined where it is one word */
export function oneWord(command: string): string | undefined {
  return /\s/.test(command.trim())
    ? `not found (ENOENT), as one program of that name; write its words apart, without quotes around them all: -- ${command}`
    : undefined;
}
