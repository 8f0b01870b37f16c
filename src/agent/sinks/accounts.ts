import { readFile } from 'node:fs/promises';

/** Node knows no names of users and groups; a machine that has them elsewhere takes numbers. */
const FILES = { user: '/etc/passwd', group: '/etc/group' } as const;

/**
 * The number of a user or a group.
 * @param account its name, or the number
 * @param file default `/etc/passwd` or `/etc/group`
 * @returns undefined when there is no such name
 */
export async function accountId(
  kind: keyof typeof FILES,
  account: string | number,
  file: string = FILES[kind],
): Promise<number | undefined> {
  if (typeof account === 'number') return account;
  if (/^\d{1,10}$/.test(account)) return Number(account);
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  const fields = lines.map((line) => line.split(':')).find(([name]) => name === account);
  return fields?.[2] !== undefined && /^\d+$/.test(fields[2]) ? Number(fields[2]) : undefined;
}
