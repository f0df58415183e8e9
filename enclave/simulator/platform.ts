import { createHash, randomBytes } from 'node:crypto';
import { toHex } from '../../wire/bytes.ts';
import { type AttesterSocket, type Measurement, snpMeasurement } from './measure.ts';
import { textRegister } from './nsm.ts';
import { openRoot } from './root.ts';
import { type Product, profiles, type SignerKind } from './snp/product.ts';
import { openSnpRoot } from './snp/root.ts';

/** Whose hardware the process tier stands in for. Everything that differs between vendors outside of the worker is here. */
export type Platform = NitroPlatform | SnpPlatform;

export interface NitroPlatform {
  readonly tee: 'aws-nitro';
  /** Measured into PCR3, as AWS measures the role of the parent machine; null leaves the register empty. */
  readonly role: string | null;
}

export interface SnpPlatform {
  readonly tee: 'amd-sev-snp';
  readonly product: Product;
  readonly signer: SignerKind;
  readonly reportVersion: 3 | 5;
}

/** Which socket the measured command line names. */
export function attesterSocketOf({ tee }: Platform): AttesterSocket {
  return tee === 'aws-nitro' ? 'nsm-socket' : 'snp-socket';
}

/** This machine's simulated root, made on first use. For AMD that takes several seconds. */
export async function openPlatformRoot(
  platform: Platform,
  options: { readonly state: string; readonly now: number },
): Promise<Uint8Array> {
  const { state, now } = options;
  if (platform.tee === 'aws-nitro') return (await openRoot(state, { now })).certificate;
  return (await openSnpRoot(state, { product: platform.product, now })).ark.certificate;
}

export interface SignerProgram {
  readonly file: 'nsm-main' | 'snp-main';
  readonly args: readonly string[];
}

/** The process that vouches for one boot, told beforehand what was measured. */
export function signerProgram(
  platform: Platform,
  boot: {
    readonly socket: string;
    readonly state: string;
    readonly rootCertificate: Uint8Array;
    readonly measurement: Measurement;
  },
): SignerProgram {
  const { measurement } = boot;
  const paths = ['--socket', boot.socket, '--state', boot.state];
  // One machine has one root, and so one name: the same after a restart, as an EC2 instance's or a chip's is.
  const machine = createHash('sha512').update(boot.rootCertificate).digest('hex');
  if (platform.tee === 'amd-sev-snp') {
    const { product, signer, reportVersion } = platform;
    const args = [
      ...paths,
      ...['--product', product, '--signer', signer, '--report-version', String(reportVersion)],
      ...['--chip', machine.slice(0, 2 * profiles[product].chipIdBytes)],
      ...['--measurement', toHex(snpMeasurement(measurement))],
    ];
    return { file: 'snp-main', args };
  }
  const instance = `i-${machine.slice(0, 17)}`;
  const registers = {
    pcr0: measurement.pcr0,
    pcr1: measurement.pcr1,
    pcr2: measurement.pcr2,
    pcr3: platform.role === null ? new Uint8Array(48) : textRegister(platform.role),
    pcr4: textRegister(instance),
  };
  const args = [
    ...paths,
    ...['--instance', instance, '--enclave', toHex(newEnclaveId())],
    // What AWS's device writes today.
    ...['--encoding', 'indefinite'],
    ...Object.entries(registers).flatMap(([name, value]) => [`--${name}`, toHex(value)]),
  ];
  return { file: 'nsm-main', args };
}

/** As AWS numbers enclaves: 48 bits of milliseconds, then chance. */
function newEnclaveId(): Uint8Array {
  const id = new DataView(new ArrayBuffer(8));
  id.setBigUint64(0, BigInt(Date.now()) << 16n);
  id.setUint16(6, randomBytes(2).readUInt16BE());
  return new Uint8Array(id.buffer);
}
