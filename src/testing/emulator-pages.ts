import { answer, type ImsAnswer, jsonAnswer } from './ims-message.js';

const NOTICE = 'This is the imsvault IMS emulator. It is not Adobe IMS, and its tokens open nothing at Adobe.';

export function indexPage(clientIds: readonly string[]): ImsAnswer {
  const clients = clientIds.map((id) => `<li><code>${escapeHtml(id)}</code></li>`).join('');
  return answer(
    200,
    'text/html; charset=utf-8',
    `<!DOCTYPE html>
<html lang="en"><head><title>imsvault IMS emulator</title></head><body>
<h1>IMS emulator</h1>
<p>${NOTICE}</p>
<ul><li><code>POST /ims/token/v3</code></li><li><code>POST /ims/validate_token/v1</code></li><li><code>GET, POST /console/organizations/{orgId}/credentials/{credentialId}/secrets</code></li><li><code>DELETE …/secrets/{uuid}</code></li><li><code>GET /health</code></li></ul>
<p>Known clients:</p><ul>${clients}</ul>
</body></html>
`,
  );
}

export function healthPage(tokensIssued: number): ImsAnswer {
  return jsonAnswer(200, { status: 'ok', emulator: 'imsvault', notice: NOTICE, tokens_issued: tokensIssued });
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? '');
}
