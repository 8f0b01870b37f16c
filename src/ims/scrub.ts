/**
 * Takes a secret out of a server's text, should it send back what it was sent: as it is, as it stood in the form, or
 * escaped for JSON or a URL.
 */
export function createScrub(secret: string): (text: string) => string {
  const forms = [
    secret,
    new URLSearchParams([['', secret]]).toString().slice(1),
    // Half of a surrogate pair goes out as U+FFFD; encodeURIComponent would throw on it.
    encodeURIComponent(Buffer.from(secret).toString()),
    JSON.stringify(secret).slice(1, -1),
  ];
  const literal = forms.map((form) => form.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  // Servers write %2f as well as %2F.
  const pattern = new RegExp(literal.join('|'), 'gi');
  return (text) => text.replace(pattern, '[redacted]');
}
