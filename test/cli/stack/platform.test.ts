import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../../cli/commands/arguments.ts';
import { platformOption, platformOptions } from '../../../cli/commands/platform.ts';
import { UsageError } from '../../../cli/exit-codes.ts';
import { simulatorPolicy } from '../../../cli/stack/policy.ts';
import type { Platform } from '../../../enclave/simulator/platform.ts';
import { parseSnpPolicy, parseWorkerPolicy } from '../../../verifier/index.ts';
import { decodeConfiguration } from '../../../wire/message/configuration.ts';
import { testConfiguration } from '../../support/fake-log.ts';

const parse = (...args: readonly string[]): Platform => platformOption(parseArguments(args, platformOptions));

describe('whose hardware is simulated', () => {
  it('is Nitro unless one asks for AMD', () => {
    const snp = { tee: 'amd-sev-snp', signer: 'vcek', reportVersion: 5 };
    expect(parse()).toEqual({ tee: 'aws-nitro', role: null });
    expect(parse('--tee', 'aws-nitro')).toEqual({ tee: 'aws-nitro', role: null });
    expect(parse('--tee', 'amd-sev-snp')).toEqual({ ...snp, product: 'Genoa' });
    expect(parse('--tee', 'amd-sev-snp', '--product', 'milan')).toEqual({ ...snp, product: 'Milan' });
    expect(parse('--tee', 'amd-sev-snp', '--product', 'turin')).toEqual({ ...snp, product: 'Turin' });
  });

  it.each([
    ['--tee', 'intel-tdx'],
    ['--tee', ''],
    ['--tee', 'amd-sev-snp', '--product', 'rome'],
    ['--tee', 'amd-sev-snp', '--product', 'Genoa'],
    ['--tee', 'amd-sev-snp', '--product', 'constructor'],
    ['--product', 'genoa'],
    ['--tee', 'aws-nitro', '--product', 'genoa'],
  ])('is not %s %s %s %s', (...args) => {
    expect(() => parse(...args)).toThrow(UsageError);
  });
});

describe('the policy of this machine’s simulator', () => {
  const zero = new Uint8Array(48);
  const measurement = { pcr0: zero.map(() => 1), pcr1: zero.map(() => 2), pcr2: zero.map(() => 3) };
  const files = {
    configuration: decodeConfiguration(testConfiguration()),
    owner: new Uint8Array(64),
    modelId: new Uint8Array(32),
    releaseDirectory: '',
    configurationFile: '',
  };
  const rulesFor = (platform: Platform) =>
    simulatorPolicy({ platform, rootCertificate: Uint8Array.of(1), measurement, files, now: Date.UTC(2026, 0, 1) });

  it.each(['Milan', 'Genoa', 'Turin'] as const)('answers every rule for %s, and trusts no other line', (product) => {
    for (const signer of ['vcek', 'vlek'] as const) {
      const platform = { tee: 'amd-sev-snp', product, signer, reportVersion: 3 } as const;
      const policy = parseSnpPolicy(rulesFor(platform));
      const trusted = Object.entries(policy.products).filter(([, signers]) => signers.length > 0);
      expect(trusted).toEqual([[product, [signer.toUpperCase()]]]);
      expect(policy.tcb.reported[product]).not.toBe('any');
      expect([policy.level, policy.reportVersions, policy.vmpl]).toEqual(['simulated', [3], [0]]);
      expect(policy.measurements).toEqual([measurement.pcr0]);
      expect(policy.revocationList).toBe('required');
    }
  });

  it('is of the vendor that is simulated', () => {
    expect(parseWorkerPolicy(rulesFor({ tee: 'aws-nitro', role: null })).tee).toBe('aws-nitro');
  });
});
