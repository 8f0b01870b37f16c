import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { findTerraform, runTerraform, skipReason, TERRAFORM_DIR } from './support/terraform.js';

const title = 'terraform fmt';
const terraform = findTerraform();
const skipped = skipReason(title, terraform);

describe.skipIf(skipped !== undefined)(`${title}${skipped === undefined ? '' : ` (not run: ${skipped})`}`, () => {
  it('finds every module and example well formed', async () => {
    const program = 'program' in terraform ? terraform.program : expect.unreachable();
    expect(await runTerraform(program, TERRAFORM_DIR, tmpdir(), ['fmt', '-check', '-recursive', '-diff'])).toBe('');
  });
});
