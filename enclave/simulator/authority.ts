import { concatBytes, toHex, u32 } from '../../wire/bytes.ts';
import { type Extension, issueCertificate, type Name } from './certificate.ts';
import type { Chance, SigningKey } from './signing.ts';

/**
 * A certificate authority of the shape that AWS runs for Nitro Enclaves: root, regional, zonal and instance authority,
 * and a leaf per enclave (verifier-checks, "Profiles seen in real evidence"). What it signs differs from the real thing
 * by its root and by its names, which say SIMULATED wherever AWS says Amazon; never by a check that could be skipped.
 */

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;
/** AWS dates a leaf three seconds before the document that it signs. */
const BACKDATED = 3 * SECOND;

const LIFETIME = { root: 30 * 365 * DAY, regional: 20 * DAY, zonal: 6 * DAY, instance: DAY, leaf: 3 * HOUR } as const;

/** Stands where AWS names a region; "zz" belongs to no country. */
const REGION = 'zz-simulated-1';
const ROOT_NAME: Name = [
  ['C', 'ZZ'],
  ['O', 'SIMULATED'],
  ['OU', 'Proofmark'],
  ['CN', 'simulated.nitro-enclaves'],
];
/** ".invalid" resolves nowhere (RFC 2606): the profile has a pointer here, and there is no list behind ours. */
const REVOCATION_LISTS = 'http://crl.simulated.proofmark.invalid/crl';

const CA_USES = ['digitalSignature', 'keyCertSign', 'cRLSign'] as const;

export interface Root {
  readonly certificate: Uint8Array;
  readonly key: SigningKey;
}

/** Signs an enclave's documents for now: key, its certificate, and the chain from the root down to its issuer. */
export interface Signer {
  readonly key: SigningKey;
  readonly certificate: Uint8Array;
  readonly cabundle: readonly Uint8Array[];
}

export interface Authority {
  /** "i-" and 17 digits, "-enc" and 16 digits: one per boot of an enclave. */
  readonly moduleId: string;
  /** Certificates are renewed after two thirds of their life, so that no issuer ends before what it issued. */
  readonly signerAt: (now: number) => Signer;
}

export interface AuthorityOptions {
  readonly root: Root;
  /** "i-" and 17 hexadecimal digits. */
  readonly instanceId: string;
  /** 8 bytes. */
  readonly enclaveId: Uint8Array;
  readonly chance: Chance;
}

export function createRoot(options: { readonly now: number; readonly key: SigningKey; readonly chance: Chance }): Root {
  const { now, key, chance } = options;
  const certificate = issueCertificate(
    {
      serial: randomSerial(chance, 16),
      issuer: ROOT_NAME,
      subject: ROOT_NAME,
      ...validity(now, LIFETIME.root),
      subjectPoint: key.point,
      extensions: [
        { kind: 'authority', pathLength: 'unbounded' },
        { kind: 'subjectKey' },
        { kind: 'keyUsage', uses: CA_USES, criticality: 'critical' },
      ],
    },
    key,
  );
  return { certificate, key };
}

export function makeAuthority(options: AuthorityOptions): Authority {
  const { root, instanceId, chance } = options;
  const moduleId = `${instanceId}-enc${toHex(options.enclaveId)}`;
  const regional = renewable(LIFETIME.regional, (now) =>
    issue({ ...root, name: ROOT_NAME, chain: [] }, regionalProfile(chance), now, chance),
  );
  const zonal = renewable(LIFETIME.zonal, (now) => issue(regional(now), zonalProfile(chance), now, chance));
  const instance = renewable(LIFETIME.instance, (now) =>
    issue(zonal(now), instanceProfile(chance, instanceId), now, chance),
  );
  const leaf = renewable(LIFETIME.leaf, (now) =>
    issue(instance(now), leafProfile(moduleId, options.enclaveId, now), now, chance),
  );
  return {
    moduleId,
    signerAt: (now) => {
      const { key, certificate, chain } = leaf(now);
      return { key, certificate, cabundle: chain };
    },
  };
}

/** A certificate with its key and everything above it. */
interface Issued {
  readonly key: SigningKey;
  readonly certificate: Uint8Array;
  readonly name: Name;
  /** From the root to this certificate's issuer. */
  readonly chain: readonly Uint8Array[];
}

interface Profile {
  readonly serial: Uint8Array;
  readonly subject: Name;
  readonly lifetime: number;
  readonly extensions: readonly Extension[];
}

function issue(issuer: Issued, profile: Profile, now: number, chance: Chance): Issued {
  const key = chance.key();
  const certificate = issueCertificate(
    {
      serial: profile.serial,
      issuer: issuer.name,
      subject: profile.subject,
      ...validity(now, profile.lifetime),
      subjectPoint: key.point,
      extensions: profile.extensions,
    },
    issuer.key,
  );
  return { key, certificate, name: profile.subject, chain: [...issuer.chain, issuer.certificate] };
}

function renewable(lifetime: number, make: (now: number) => Issued): (now: number) => Issued {
  let current: { readonly issued: Issued; readonly since: number } | undefined;
  return (now) => {
    // A clock that was set back must not leave an enclave with certificates of the future.
    if (current === undefined || now < current.since || now > current.since + (lifetime * 2) / 3) {
      current = { issued: make(now), since: now };
    }
    return current.issued;
  };
}

function regionalProfile(chance: Chance): Profile {
  return {
    serial: randomSerial(chance, 16),
    subject: [
      ['C', 'ZZ'],
      ['O', 'SIMULATED'],
      ['OU', 'Proofmark'],
      ['CN', `${toHex(chance.bytes(8))}.${REGION}.nitro-enclaves`],
    ],
    lifetime: LIFETIME.regional,
    extensions: [
      { kind: 'authority', pathLength: 2 },
      { kind: 'authorityKey' },
      { kind: 'subjectKey' },
      { kind: 'keyUsage', uses: CA_USES, criticality: 'critical' },
      { kind: 'revocationList', url: `${REVOCATION_LISTS}/${toHex(chance.bytes(16))}.crl` },
    ],
  };
}

function zonalProfile(chance: Chance): Profile {
  return {
    serial: randomSerial(chance, 16),
    subject: [
      ['CN', `${toHex(chance.bytes(8))}.zonal.${REGION}.nitro-enclaves`],
      ['OU', 'Proofmark'],
      ['O', 'SIMULATED'],
      ['C', 'ZZ'],
      ['ST', 'NA'],
      ['L', 'Nowhere'],
    ],
    lifetime: LIFETIME.zonal,
    extensions: [
      { kind: 'authority', pathLength: 1 },
      { kind: 'authorityKey' },
      { kind: 'subjectKey' },
      { kind: 'keyUsage', uses: CA_USES, criticality: 'critical' },
      { kind: 'revocationList', url: `${REVOCATION_LISTS}/${REGION}/${toHex(chance.bytes(16))}.crl` },
    ],
  };
}

function instanceProfile(chance: Chance, instanceId: string): Profile {
  return {
    serial: randomSerial(chance, 20),
    subject: machineName(`${instanceId}.${REGION}.nitro-enclaves`),
    lifetime: LIFETIME.instance,
    extensions: [
      { kind: 'authority', pathLength: 0 },
      { kind: 'keyUsage', uses: ['keyCertSign'], criticality: 'critical' },
      { kind: 'subjectKey' },
      { kind: 'authorityKey' },
    ],
  };
}

function leafProfile(moduleId: string, enclaveId: Uint8Array, now: number): Profile {
  return {
    // As AWS numbers them: the enclave, then the second of issue.
    serial: concatBytes(enclaveId, u32(0), u32(Math.floor(now / SECOND))),
    subject: machineName(`${moduleId}.${REGION}`),
    lifetime: LIFETIME.leaf,
    extensions: [
      { kind: 'endEntity' },
      { kind: 'keyUsage', uses: ['digitalSignature', 'nonRepudiation'], criticality: 'not critical' },
    ],
  };
}

function machineName(commonName: string): Name {
  return [
    ['C', 'ZZ'],
    ['ST', 'Nowhere'],
    ['L', 'Nowhere'],
    ['O', 'SIMULATED'],
    ['OU', 'Proofmark'],
    ['CN', commonName],
  ];
}

function validity(now: number, lifetime: number): { readonly notBefore: number; readonly notAfter: number } {
  const notBefore = Math.floor(now / SECOND) * SECOND - BACKDATED;
  return { notBefore, notAfter: notBefore + lifetime };
}

/** Positive and within 20 octets (RFC 5280 section 4.1.2.2): top bit clear, never zero. */
function randomSerial(chance: Chance, length: number): Uint8Array {
  const serial = chance.bytes(length);
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40;
  return serial;
}
