/** What the command line says of its own: one line on stderr that tells what to do. */

/** A mistake of the user or a failure of ours; `main` prints it and exits. */
export class CliError extends Error {
  override readonly name = 'CliError';
  constructor(
    message: string,
    readonly exitCode = 125,
  ) {
    super(message);
  }
}

/** By name: a command that is a bundle of its own throws a class of its own. */
export function isCliError(error: unknown): error is CliError {
  return error instanceof Error && error.name === 'CliError';
}

/** One line, whatever the message holds. */
export function oneLine(message: string): string {
  return `skas: ${message.trim().replaceAll(/\s*\n\s*/g, '; ')}\n`;
}
