import type { Block } from './blocks.js';

/** What makes a whole program of one that is a part, and what it must do then. */
export interface Around {
  page: string;
  /** In this block of the page alone. */
  text: string;
  before?: string;
  after?: string;
  /** On stdout. */
  prints?: RegExp;
}

const SCENARIOS = 'https://fusion.adobe.io/api/v3/scenarios';

export const AROUND: readonly Around[] = [
  { page: 'README.md', text: 'createImsEmulator', after: 'await ims.stop();' },
  {
    page: 'docs/library.md',
    text: 'export async function call(url)',
    after: `console.log((await call('${SCENARIOS}')).status);`,
    prints: /^200$/m,
  },
  {
    page: 'docs/library.md',
    text: "event.type === 'renewed'",
    after: `const first = await provider.getToken(); await provider.getToken({ forceRenew: first });`,
    prints: /^token of env until 20/m,
  },
  { page: 'docs/library.md', text: 'const healthy =', prints: /healthy: true/ },
  {
    page: 'docs/observability.md',
    text: "subscribe('imsvault:token'",
    before: "import { createTokenProvider } from 'imsvault';",
    after: 'await createTokenProvider().getToken();',
    prints: /^env read \d[\s\S]*^exchanged$/m,
  },
  { page: 'docs/recipes/lambda.md', text: 'export async function handler', after: 'await handler();' },
  { page: 'infra/lambda/README.md', text: 'export async function handler', after: 'await handler();' },
];

export const aroundOf = (block: Block): Partial<Around> =>
  AROUND.find(({ page, text }) => page === block.page && block.text.includes(text)) ?? {};
