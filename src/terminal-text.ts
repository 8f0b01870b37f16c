/**
 * Foreign text for a terminal, which it must not steer or turn round: characters that show nothing (controls, the
 * marks of bidirectional text, line separators) become `?`; line ends stay.
 */
export function printable(text: string): string {
  return text.replace(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}

/** {@link printable}, without line ends: a name that is part of a line. */
export function printableName(name: string): string {
  return printable(name).replaceAll('\n', '?');
}
