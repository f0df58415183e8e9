import { createRoot } from '../../../enclave/simulator/authority.ts';
import { time } from '../../support/der-writer.ts';
import { HOUR, NOW, ROOT, SECOND } from './base.ts';
import { type CertificateEdit, ECDSA_SHA256, editCertificate, subjectOf } from './certificate.ts';
import { type PublishedKey, publishedChance, publishedKey, rootKey } from './keys.ts';

/** A self-made root that has the name of the corpus root and another key (X17). */
export const foreignKey: PublishedKey = publishedKey('foreign root');
const foreign = createRoot({ now: NOW - HOUR, key: foreignKey, chance: publishedChance('foreign') });
export const FOREIGN_ROOT: Uint8Array = editCertificate(foreign.certificate, foreignKey, {
  issuer: subjectOf(ROOT),
  subject: subjectOf(ROOT),
});

const edited = (edit: CertificateEdit): Uint8Array => editCertificate(ROOT, rootKey, edit);

/** Nobody checks a root's own signature, so only the rule about algorithms can refuse this one. */
export const SHA256_ROOT: Uint8Array = edited({ innerAlgorithm: ECDSA_SHA256, outerAlgorithm: ECDSA_SHA256 });
export const EXPIRED_ROOT: Uint8Array = edited({ notAfter: time(NOW - SECOND) });
export const FUTURE_ROOT: Uint8Array = edited({ notBefore: time(NOW + SECOND) });
