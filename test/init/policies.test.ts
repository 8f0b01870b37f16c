import { describe, expect, it } from 'vitest';
import { awsPolicies, azurePolicies, policiesFor, vaultPolicies } from '../../src/init/policies.js';
import { type Block, blocksOf, readPage } from '../docs/blocks.js';

const json = (blocks: Block[]) => blocks.map(({ text }) => JSON.parse(text) as Record<string, unknown>);

/** Rules without their alignment. */
const rules = (text: string) =>
  text
    .replaceAll(/ *#.*$/gm, '')
    .replaceAll(/ +/g, ' ')
    .trim();

describe('policies are those that the documentation shows', () => {
  const vault = { mount: 'secret', path: 'ims/fusion' };

  it('for Vault', () => {
    const [renewer, consumer] = vaultPolicies({ ...vault, tokenPath: 'ims/fusion-token' });
    const documented = blocksOf('docs/vault.md', 'hcl').map(({ text }) => rules(text));
    expect(documented).toContain(rules(renewer?.text ?? ''));
    expect(documented).toContain(rules(consumer?.text ?? ''));
    const [two] = vaultPolicies(vault);
    const [one] = vaultPolicies({ ...vault, mount: 'kv', kvVersion: 1 });
    expect(documented).toContain(rules(`${two?.text}\n${one?.text}`));
  });

  it('for AWS Secrets Manager', () => {
    const aws = json(blocksOf('docs/aws-secrets-manager.md', 'json'));
    const names = { secretId: 'ims/fusion', region: 'eu-west-1' };
    const parsed = (policy: { text: string } | undefined) =>
      JSON.parse((policy?.text ?? '').replaceAll('<account id>', '123456789012'));
    expect(aws).toContainEqual(parsed(awsPolicies(names)[0]));
    const [renewer, consumer] = awsPolicies({ ...names, tokenSecretId: 'ims/fusion-token' });
    const [read, write] = parsed(renewer).Statement;
    expect(read).toEqual(parsed(awsPolicies(names)[0]).Statement[0]);
    expect(aws).toContainEqual({ ...write });
    expect(parsed(consumer).Statement).toEqual([{ ...read, Resource: write.Resource }]);
  });

  it('for Azure Key Vault', () => {
    const names = { vaultUrl: 'https://my-vault.vault.azure.net', secretName: 'ims-fusion' };
    const [read] = azurePolicies(names);
    const oneLine = (text: string) => text.replaceAll(/ \\\n +/g, ' ');
    expect(oneLine(readPage('docs/azure-key-vault.md'))).toContain(oneLine(read?.text ?? '-'));
    const [renewer] = azurePolicies({ ...names, tokenSecretName: 'ims-token' });
    const role = /<<'JSON'\n([\s\S]*)\nJSON\n/.exec(renewer?.text ?? '')?.[1] ?? '';
    expect(json(blocksOf('docs/azure-key-vault.md', 'json'))).toContainEqual(JSON.parse(role));
    expect(renewer?.text).toContain('/secrets/ims-token-claim"');
  });
});

it('a whole ARN stands as it is; the config’s own defaults count; env needs nothing', () => {
  const arn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf';
  expect(awsPolicies({ secretId: arn })[0]?.text).toContain(`"${arn}"`);
  const vault = {
    credentials: { provider: 'vault', path: 'a' },
    tokenStore: { provider: 'vault', path: 'b', mount: 'm' },
  };
  expect(policiesFor(vault).map(({ role, text }) => [role, rules(text).split(' ')[1]])).toEqual([
    ['renewer', '"secret/data/a"'],
    ['consumer', '"secret/data/b"'],
  ]);
  expect(policiesFor({ credentials: { provider: 'env' } })).toEqual([]);
});
