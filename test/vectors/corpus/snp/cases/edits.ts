import type { SnpCertificateRequest } from '../../../../../enclave/simulator/snp/certificate.ts';
import type { Refusal } from '../../case.ts';
import { type CertificateEdit, extension } from '../../certificate.ts';
import { editRsa } from '../base.ts';
import type { SnpCaseSpec } from '../case.ts';
import { snpKeys } from '../keys.ts';

/** Ways to change one certificate of a chain and have it signed again. */
type Altering = (request: SnpCertificateRequest) => SnpCertificateRequest;
export type Shown = Partial<SnpCaseSpec>;

export const AMD = '1.3.6.1.4.1.3704.1';

export const refusedAs =
  (family: string, ...expect: Refusal) =>
  (id: string, list: string, title: string, more: Shown): SnpCaseSpec => ({
    id: `${family}-${id}`,
    list,
    title,
    expect,
    ...more,
  });

/** Of the finished bytes, for what no authority would write. */
export const leaf = (edit: CertificateEdit): Shown => ({
  certificates: ([vcek, ask, ark]) => [editRsa(vcek as Uint8Array, snpKeys.ask, edit), ask, ark] as Uint8Array[],
});

export const intermediate = (edit: CertificateEdit): Shown => ({
  certificates: ([vcek, ask, ark]) => [vcek, editRsa(ask as Uint8Array, snpKeys.ark, edit), ark] as Uint8Array[],
});

export const root = (replacement: Uint8Array): Shown => ({
  certificates: ([vcek, ask]) => [vcek, ask, replacement] as Uint8Array[],
});

export const altered = (alterLeaf: Altering): Shown => ({ machine: { alterLeaf } });

export const alteredCa = (alter: Altering): Shown => ({
  machine: { alter: (role, request) => (role === 'ask' ? alter(request) : request) },
});

export const withExtension = (id: string, value: Uint8Array, criticality: 'critical' | 'plain'): CertificateEdit => ({
  extensions: (made) => [...made, extension(id, value, criticality)],
});

export const withoutKind =
  (kind: string): Altering =>
  (request) => ({ ...request, extensions: request.extensions.filter((entry) => entry.kind !== kind) });

export const withoutVendor =
  (id: string): Altering =>
  (request) => ({
    ...request,
    extensions: request.extensions.filter((entry) => !(entry.kind === 'vendor' && entry.id === id)),
  });

export const vendor =
  (id: string, value: Uint8Array): Altering =>
  (request) => ({
    ...request,
    extensions: request.extensions.map((entry) =>
      entry.kind === 'vendor' && entry.id === id ? { ...entry, value } : entry,
    ),
  });
