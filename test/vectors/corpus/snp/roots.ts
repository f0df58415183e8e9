import { NULL, oid, sequence, TRUE, time, unsigned } from '../../../support/der-writer.ts';
import { type CertificateEdit, extension, ID, replaceExtension } from '../certificate.ts';
import { editRsa, JUST_OVER, rootOf, SOON } from './base.ts';
import { snpKeys } from './keys.ts';

const edited = (edit: CertificateEdit): Uint8Array => editRsa(rootOf('Genoa').ark.certificate, snpKeys.ark, edit);
const SHA384_WITH_RSA = sequence(oid('1.2.840.113549.1.1.12'), NULL);

/** Roots of Genoa that are wrong in themselves and named by policies all the same. */
export const EDITED_ROOTS: {
  readonly otherPadding: Uint8Array;
  readonly noCaBelow: Uint8Array;
  readonly expired: Uint8Array;
  readonly early: Uint8Array;
} = {
  otherPadding: edited({ innerAlgorithm: SHA384_WITH_RSA, outerAlgorithm: SHA384_WITH_RSA }),
  noCaBelow: edited({
    extensions: replaceExtension(
      ID.basicConstraints,
      extension(ID.basicConstraints, sequence(TRUE, unsigned(0)), 'critical'),
    ),
  }),
  expired: edited({ notAfter: time(JUST_OVER) }),
  early: edited({ notBefore: time(SOON) }),
};
