import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { awsPolicies, azurePolicies, policiesFor, vaultPolicies } from '../../src/init/policies.js';

const page = (name: string) => readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8');
const blocks = (name: string, language: string) =>
  [...page(name).matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(
    (match) => match[1] as string,
  );
const json = (name: string) => blocks(name, 'json').map((text) => JSON.parse(text) as Record<string, unknown>);

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
    const documented = blocks('vault', 'hcl').map(rules);
    expect(documented).toContain(rules(renewer?.text ?? ''));
    expect(documented).toContain(rules(consumer?.text ?? ''));
    const [two] = vaultPolicies(vault);
    const [one] = vaultPolicies({ ...vault, mount: 'kv', kvVersion: 1 });
    expect(documented).toContain(rules(`${two?.text}\n${one?.text}`));
  });

  it('for AWS Secrets Manager', () => {
    const names = { secretId: 'ims/fusion', region: 'eu-west-1' };
    const parsed = (policy: { text: string } | undefined) =>
      JSON.parse((policy?.text ?? '').replaceAll('<account id>', '123456789012'));
    expect(json('aws-secrets-manager')).toContainEqual(parsed(awsPolicies(names)[0]));
    const [renewer, consumer] = awsPolicies({ ...names, tokenSecretId: 'ims/fusion-token' });
    const [read, write] = parsed(renewer).Statement;
    expect(read).toEqual(parsed(awsPolicies(names)[0]).Statement[0]);
    expect(json('aws-secrets-manager')).toContainEqual({ ...write });
    expect(parsed(consumer).Statement).toEqual([{ ...read, Resource: write.Resource }]);
  });

  it('for Azure Key Vault', () => {
    const names = { vaultUrl: 'https://my-vault.vault.azure.net', secretName: 'ims-fusion' };
    const [read] = azurePolicies(names);
    const oneLine = (text: string) => text.replaceAll(/ \\\n +/g, ' ');
    expect(oneLine(page('azure-key-vault'))).toContain(oneLine(read?.text ?? '-'));
    const [renewer] = azurePolicies({ ...names, tokenSecretName: 'ims-token' });
    const role = /<<'JSON'\n([\s\S]*)\nJSON\n/.exec(renewer?.text ?? '')?.[1] ?? '';
    expect(json('azure-key-vault')).toContainEqual(JSON.parse(role));
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
