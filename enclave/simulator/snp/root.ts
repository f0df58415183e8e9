import { createPrivateKey, X509Certificate } from 'node:crypto';
import { SimulatorError } from '../errors.ts';
import { openKept } from '../kept.ts';
import { refusePublishedKey } from '../published.ts';
import { systemChance } from '../signing.ts';
import { createSnpRoot, type SnpCa, type SnpRoot, type SnpRootKeys } from './authority.ts';
import type { Product } from './product.ts';
import { generateRsa4096, rsaSigningKey } from './rsa.ts';

type Role = keyof SnpRootKeys;

const ROLES: readonly Role[] = ['ark', 'ask', 'asvk'];

/** The simulated AMD authorities of one machine for one product line. Making them takes several seconds, once. */
export async function openSnpRoot(
  stateDirectory: string,
  options: { readonly product: Product; readonly now: number },
): Promise<SnpRoot> {
  const { product, now } = options;
  return openKept(stateDirectory, `simulated-snp-root-${product.toLowerCase()}`, {
    secret: ROLES.map(keyFile),
    public: ROLES.map(certificateFile),
    make: () => makeRoot(product, now),
    read: (files) => readRoot(product, files),
  });
}

type KeyFile = `${Role}.key.pem`;
type CertificateFile = `${Role}.der`;
type File = KeyFile | CertificateFile;

function keyFile(role: Role): KeyFile {
  return `${role}.key.pem`;
}

function certificateFile(role: Role): CertificateFile {
  return `${role}.der`;
}

async function makeRoot(product: Product, now: number): Promise<Readonly<Record<File, string | Uint8Array>>> {
  const [ark, ask, asvk] = await Promise.all([generateRsa4096(), generateRsa4096(), generateRsa4096()]);
  const keys = { ark: rsaSigningKey(ark), ask: rsaSigningKey(ask), asvk: rsaSigningKey(asvk) };
  const root = createSnpRoot({ product, now, keys, chance: systemChance });
  return {
    'ark.key.pem': ark.export({ type: 'pkcs8', format: 'pem' }),
    'ask.key.pem': ask.export({ type: 'pkcs8', format: 'pem' }),
    'asvk.key.pem': asvk.export({ type: 'pkcs8', format: 'pem' }),
    'ark.der': root.ark.certificate,
    'ask.der': root.ask.certificate,
    'asvk.der': root.asvk.certificate,
  };
}

function readRoot(product: Product, files: Readonly<Record<File, Uint8Array>>): SnpRoot {
  const ark = new X509Certificate(files['ark.der']);
  if (!ark.subject.endsWith(`CN=ARK-${product}`)) throw new SimulatorError('root_invalid', `not a root of ${product}`);
  const read = (role: Role): SnpCa => {
    const privateKey = createPrivateKey(Buffer.from(files[keyFile(role)]));
    const certificate = files[certificateFile(role)];
    const parsed = new X509Certificate(certificate);
    if (!parsed.checkPrivateKey(privateKey) || !parsed.checkIssued(ark) || !parsed.verify(ark.publicKey)) {
      throw new SimulatorError('root_invalid', `key and certificate of ${role} do not belong together`);
    }
    refusePublishedKey(parsed.publicKey);
    return { certificate, key: rsaSigningKey(privateKey) };
  };
  return { product, ark: read('ark'), ask: read('ask'), asvk: read('asvk') };
}
