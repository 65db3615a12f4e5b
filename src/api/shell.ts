/** `` sb.$`...` ``: a command line for /bin/sh, with every value quoted so that it stays one word. */

/** Values of a template: an array becomes several words. */
export type ShellValue = string | number | boolean | readonly (string | number | boolean)[];

/** Quotes a word for the shell. */
export function shellQuote(word: string): string {
  return /^[A-Za-z0-9_\-+=:,./@%^]+$/.test(word) && !word.startsWith('=') ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The command line of a template. A value can never end its word, add an operator or be expanded. */
export function shellCommand(strings: TemplateStringsArray, values: readonly ShellValue[]): string {
  let command = strings.raw[0]!;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const words = Array.isArray(value) ? value : [value];
    command += words.map((word) => shellQuote(String(word))).join(' ') + strings.raw[i + 1]!;
  }
  return command;
}
