/** The values of an option that may be repeated. */
export function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

/** The same where the option may stand without a value, which commander gives as `true` and which covers all values. */
export function collectUnlessAll(value: string, previous?: true | string[]): true | string[] {
  return previous === true ? true : collect(value, previous);
}
