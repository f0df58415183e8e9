import { describe, expect, it } from 'vitest';
import { chooseCertificates } from '../../../host/evidence/choose.ts';
import { sourceAddress } from '../../../host/evidence/source-address.ts';
import { parseSnpReport } from '../../../verifier/codec/snp-report.ts';
import { toHex } from '../../../wire/bytes.ts';
import { snpKeys } from '../../vectors/corpus/snp/keys.ts';
import { reportOf, vendorOf } from './snp-machine.ts';

const genoa = vendorOf('Genoa');
const machine = genoa.machine();
const [leaf, intermediate, root] = machine.certificates;
const report = parseSnpReport(reportOf(machine));
const nothing = { certificates: [], revocationLists: [] };

describe('the certificates for a report', () => {
  it('are found among those of other machines, levels, lines and vendors, in any order', async () => {
    const updated = genoa.machine({ tcb: { fmc: null, bootloader: 11, tee: 0, snp: 28, microcode: 90 } });
    const lent = genoa.machine({ signer: 'vlek' });
    const milan = vendorOf('Milan').machine();
    const others = [genoa.machine(), updated, lent, milan].flatMap(({ certificates }) => certificates);
    const pool = { ...nothing, certificates: [...others, root, new Uint8Array(40), leaf, intermediate].reverse() };
    for (const one of [machine, updated, lent, milan]) {
      expect(await chooseCertificates(parseSnpReport(reportOf(one)), pool)).toEqual({
        kind: 'chain',
        certificates: one.certificates,
        revocationLists: [],
      });
    }
  });

  it('are not taken for their names: authorities with other keys and a chip of the same id are passed over', async () => {
    const impostor = vendorOf('Genoa', snpKeys.ask);
    const twin = impostor.machine({ chipId: report.chipId });
    const pool = { certificates: [...twin.certificates, ...machine.certificates], revocationLists: [] };
    expect(await chooseCertificates(report, pool)).toMatchObject({ certificates: machine.certificates });
    const names = { certificates: [...twin.certificates.slice(1), leaf], revocationLists: [] };
    expect(await chooseCertificates(report, names)).toEqual({ kind: 'missing', what: 'intermediate' });
  });

  it.each<[string, readonly Uint8Array[], string]>([
    ['nothing is there', [], 'endorsement'],
    ['only another chip’s', genoa.machine().certificates, 'endorsement'],
    ['only the chain', [intermediate, root], 'endorsement'],
    ['the intermediate is missing', [leaf, root], 'intermediate'],
    ['the root is missing', [leaf, intermediate], 'root'],
  ])('are missing where %s', async (_, certificates, what) => {
    expect(await chooseCertificates(report, { ...nothing, certificates })).toEqual({ kind: 'missing', what });
  });

  it('come with the newest list of their own root, and no other', async () => {
    const day = 86_400_000;
    const now = Date.now();
    const [old, fresh] = [genoa.list(now - 10 * day), genoa.list(now - day)];
    const foreign = vendorOf('Turin').list(now);
    const forged = Uint8Array.from(genoa.list(now));
    forged[forged.length - 1] = (forged[forged.length - 1] as number) ^ 1;
    const revocationLists = [old, forged, foreign, fresh, new Uint8Array(9)];
    const choice = await chooseCertificates(report, { certificates: machine.certificates, revocationLists });
    expect(choice).toEqual({ kind: 'chain', certificates: machine.certificates, revocationLists: [fresh] });
  });

  it('are found for a chip that its report masks', async () => {
    const masked = parseSnpReport(reportOf(machine, { chipId: new Uint8Array(64) }));
    expect(await chooseCertificates(masked, { ...nothing, certificates: machine.certificates })).toMatchObject({
      kind: 'chain',
    });
  });
});

describe('where to fetch what is missing', () => {
  it('is AMD’s service, for this chip at these levels', () => {
    const id = toHex(report.chipId);
    expect(sourceAddress(report, 'endorsement')).toBe(
      `https://kdsintf.amd.com/vcek/v1/Genoa/${id}?blSPL=10&teeSPL=00&snpSPL=27&ucodeSPL=88`,
    );
    expect(sourceAddress(report, 'intermediate')).toBe('https://kdsintf.amd.com/vcek/v1/Genoa/cert_chain');
    expect(sourceAddress(report, 'root')).toBe('https://kdsintf.amd.com/vcek/v1/Genoa/cert_chain');
  });

  it('has eight bytes of chip and one more level on Turin', () => {
    const turin = parseSnpReport(reportOf(vendorOf('Turin').machine({ chipId: new Uint8Array(8).fill(0xab) })));
    expect(sourceAddress(turin, 'endorsement')).toBe(
      'https://kdsintf.amd.com/vcek/v1/Turin/abababababababab?fmcSPL=01&blSPL=01&teeSPL=00&snpSPL=02&ucodeSPL=71',
    );
  });

  it('is somebody to ask where AMD gives it to nobody else', () => {
    const lent = parseSnpReport(reportOf(genoa.machine({ signer: 'vlek' })));
    expect(sourceAddress(lent, 'endorsement')).toContain('the cloud');
    expect(sourceAddress(lent, 'intermediate')).toBe('https://kdsintf.amd.com/vlek/v1/Genoa/cert_chain');
    const masked = parseSnpReport(reportOf(machine, { chipId: new Uint8Array(64) }));
    expect(sourceAddress(masked, 'endorsement')).toContain('the owner of this machine');
  });

  it('leaves open what a report of version 2 does not say', () => {
    const old = parseSnpReport(reportOf(machine, { version: 2 }));
    expect(sourceAddress(old, 'endorsement')).toBe(
      'https://kdsintf.amd.com/vcek/v1/{Milan|Genoa|Turin}/{chip id}?{levels}',
    );
  });
});
