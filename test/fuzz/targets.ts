import * as cpio from './enclave/cpio.fuzz.ts';
import * as eif from './enclave/eif.fuzz.ts';
import * as envelope from './enclave/envelope.fuzz.ts';
import * as firmware from './enclave/firmware.fuzz.ts';
import * as imageLock from './enclave/image-lock.fuzz.ts';
import * as kernel from './enclave/kernel.fuzz.ts';
import * as onnx from './enclave/onnx.fuzz.ts';
import * as logExport from './host/export.fuzz.ts';
import type { FuzzTarget } from './target.ts';
import * as certificate from './verifier/certificate.fuzz.ts';
import * as nitro from './verifier/nitro.fuzz.ts';
import * as policy from './verifier/policy.fuzz.ts';
import * as revocationList from './verifier/revocation-list.fuzz.ts';
import * as snpReport from './verifier/snp-report.fuzz.ts';
import * as snpTable from './verifier/snp-table.fuzz.ts';
import * as archive from './wire/archive.fuzz.ts';
import * as bundle from './wire/bundle.fuzz.ts';
import * as cbor from './wire/cbor.fuzz.ts';
import * as configuration from './wire/configuration.fuzz.ts';
import * as encryptedRelease from './wire/encrypted-release.fuzz.ts';
import * as frame from './wire/frame.fuzz.ts';
import * as hub from './wire/hub.fuzz.ts';
import * as json from './wire/json.fuzz.ts';
import * as language from './wire/language.fuzz.ts';
import * as link from './wire/link.fuzz.ts';
import * as logText from './wire/log-text.fuzz.ts';
import * as manifest from './wire/manifest.fuzz.ts';
import * as nsm from './wire/nsm.fuzz.ts';
import * as proof from './wire/proof.fuzz.ts';
import * as record from './wire/record.fuzz.ts';
import * as snpGuest from './wire/snp-guest.fuzz.ts';
import * as statements from './wire/statements.fuzz.ts';
import * as tensor from './wire/tensor.fuzz.ts';
import * as text from './wire/text.fuzz.ts';

/** Every parser of hostile bytes, by the path of its target: `wire/cbor` is in `wire/cbor.fuzz.ts`. */
export const targets: Readonly<Record<string, FuzzTarget>> = {
  'enclave/cpio': cpio,
  'enclave/eif': eif,
  'enclave/firmware': firmware,
  'enclave/image-lock': imageLock,
  'enclave/kernel': kernel,
  'enclave/envelope': envelope,
  'enclave/onnx': onnx,
  'host/export': logExport,
  'verifier/certificate': certificate,
  'verifier/nitro': nitro,
  'verifier/policy': policy,
  'verifier/revocation-list': revocationList,
  'verifier/snp-report': snpReport,
  'verifier/snp-table': snpTable,
  'wire/archive': archive,
  'wire/bundle': bundle,
  'wire/cbor': cbor,
  'wire/configuration': configuration,
  'wire/encrypted-release': encryptedRelease,
  'wire/frame': frame,
  'wire/hub': hub,
  'wire/json': json,
  'wire/language': language,
  'wire/link': link,
  'wire/log-text': logText,
  'wire/manifest': manifest,
  'wire/nsm': nsm,
  'wire/proof': proof,
  'wire/record': record,
  'wire/snp-guest': snpGuest,
  'wire/statements': statements,
  'wire/tensor': tensor,
  'wire/text': text,
};
