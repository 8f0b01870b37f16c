/** Marks the versions that imsvault wrote, for people and for imsvault itself. */
export const TOKEN_TYPE = 'application/vnd.imsvault.token+json';
export const CLAIM_TYPE = 'text/vnd.imsvault.claim';
