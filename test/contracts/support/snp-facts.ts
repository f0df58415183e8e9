import { type Hex, hexToBytes, sha256, stringToBytes } from 'viem';
import type { SnpFacts } from '../../../verifier/index.ts';
import { concatBytes, toHex } from '../../../wire/bytes.ts';
import { imagePreimage } from '../../../wire/message/identity.ts';
import type { OnChainFacts } from './snp.ts';

const PRODUCTS = { Milan: 1, Genoa: 2, Turin: 3 } as const;
const SIGNERS = { VCEK: 1, VLEK: 2 } as const;
const NOTHING: Hex = `0x${'00'.repeat(32)}`;

/** What is the report's own in a certificate's layout; TypeScript reads TCBs apart, contracts keep them whole. */
export interface RawTcbs {
  readonly current: Uint8Array;
  readonly reported: Uint8Array;
  readonly committed: Uint8Array;
  readonly launch: Uint8Array;
}

export function rawTcbs(report: Uint8Array): RawTcbs {
  const at = (from: number): Uint8Array => report.slice(from, from + 8);
  return { current: at(0x38), reported: at(0x180), committed: at(0x1e0), launch: at(0x1f0) };
}

const hex = (bytes: Uint8Array): Hex => `0x${toHex(bytes)}`;
const number = (bytes: Uint8Array): bigint => BigInt(hex(bytes));
const seconds = (milliseconds: number): bigint => BigInt(Math.max(0, milliseconds) / 1000);
const firmware = ({ major, minor, build }: SnpFacts['firmware']['current']): number =>
  major * 65_536 + minor * 256 + build;

function cpuOf({ cpu }: SnpFacts): number {
  return cpu === null ? 0 : cpu.family * 65_536 + cpu.model * 256 + cpu.stepping;
}

/** The facts of the TypeScript verifier as SnpFacts of the contract. */
export function expectedReport(facts: SnpFacts, tcbs: RawTcbs, chipIdInReport: Uint8Array): OnChainFacts {
  return {
    root: hex(facts.root.sha256),
    documentId: hex(facts.documentId),
    reportVersion: facts.reportVersion,
    product: PRODUCTS[facts.product],
    signer: SIGNERS[facts.signer],
    cpu: cpuOf(facts),
    chipId: chipIdInReport.every((byte) => byte === 0) ? '0x' : hex(facts.chipId ?? new Uint8Array(0)),
    cspId: facts.cspId ?? '',
    vmpl: facts.vmpl,
    guestSvn: facts.guestSvn,
    guestPolicy: facts.guestPolicy,
    platformInfo: facts.platformInfo,
    measurement: hex(facts.measurement),
    hostData: hex(facts.hostData),
    familyId: hex(facts.familyId),
    imageId: hex(facts.imageId),
    idKeyDigest: hex(facts.idKeyDigest),
    authorKeyDigest: hex(facts.authorKeyDigest),
    authorKeyEnabled: facts.authorKeyEnabled,
    reportId: hex(facts.reportId),
    migrationAgentReportId: hex(facts.migrationAgentReportId),
    currentTcb: number(tcbs.current),
    reportedTcb: number(tcbs.reported),
    committedTcb: number(tcbs.committed),
    launchTcb: number(tcbs.launch),
    currentFirmware: firmware(facts.firmware.current),
    committedFirmware: firmware(facts.firmware.committed),
    launchMitigations: facts.mitigations?.launch ?? 0n,
    currentMitigations: facts.mitigations?.current ?? 0n,
    identity: hex(facts.userData),
    challenge: hex(facts.nonce),
    certificates: facts.certificates.map(({ tbsSha256 }) => hex(tbsSha256)),
    notBefore: seconds(facts.validity.notBefore),
    notAfter: seconds(facts.validity.notAfter),
  };
}

/** The same as what a registry records. */
export function expectedEvidence(facts: SnpFacts, tcbs: RawTcbs, chipIdInReport: Uint8Array): OnChainFacts {
  return {
    tee: hex(concatBytes(stringToBytes(facts.tee), new Uint8Array(32 - facts.tee.length))),
    simulated: facts.level === 'simulated',
    image: sha256(imagePreimage(facts.tee, facts.measurements)),
    identity: hex(facts.userData),
    challenge: hex(facts.nonce),
    publicKey: NOTHING,
    configRegister: NOTHING,
    issuedAt: 0n,
    notBefore: seconds(facts.validity.notBefore),
    notAfter: seconds(facts.validity.notAfter),
    platformId: chipIdInReport.every((byte) => byte === 0) ? NOTHING : sha256(chipIdInReport),
    snp: {
      product: PRODUCTS[facts.product],
      signer: SIGNERS[facts.signer],
      reportVersion: facts.reportVersion,
      vmpl: facts.vmpl,
      cpu: cpuOf(facts),
      guestSvn: facts.guestSvn,
      guestPolicy: facts.guestPolicy,
      platformInfo: facts.platformInfo,
      reportedTcb: number(tcbs.reported),
      committedTcb: number(tcbs.committed),
      currentTcb: number(tcbs.current),
      launchTcb: number(tcbs.launch),
      cloud: facts.cspId === null ? NOTHING : sha256(hexToBytes(hex(stringToBytes(facts.cspId)))),
    },
    certificates: facts.certificates.map(({ tbsSha256 }) => hex(tbsSha256)),
  };
}
