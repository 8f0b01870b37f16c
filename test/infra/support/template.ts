import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { TERRAFORM_DIR } from './terraform.js';

/** As Terraform's templatefile() does where a template has nothing but names. */
export function render(file: string, values: Record<string, string>): string {
  return readFileSync(join(TERRAFORM_DIR, file), 'utf8').replace(
    /\$\{(\w+)\}/g,
    (_all, name: string) => values[name] ?? expect.unreachable(`${file} names ${name}`),
  );
}
