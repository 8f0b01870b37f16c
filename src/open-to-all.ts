import type { Stats } from 'node:fs';

/** Whether everybody can rename what is in a folder. With the sticky bit, as in /tmp, only the owner of each can. */
export const isOpenToAll = ({ mode }: Stats): boolean => (mode & 0o002) !== 0 && (mode & 0o1000) === 0;
