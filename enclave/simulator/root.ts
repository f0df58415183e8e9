import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createRoot, type Root } from './authority.ts';
import { SimulatorError } from './errors.ts';
import { openKept } from './kept.ts';
import { refusePublishedKey } from './published.ts';
import { generateP384, signingKey, systemChance } from './signing.ts';

const KEY = 'root.key.pem';
const CERTIFICATE = 'root.der';

/** The simulated Nitro root of one machine. */
export async function openRoot(stateDirectory: string, options: { readonly now: number }): Promise<Root> {
  return openKept(stateDirectory, 'simulated-root', {
    secret: [KEY],
    public: [CERTIFICATE],
    make: async () => {
      const privateKey = generateP384();
      const { certificate } = createRoot({ now: options.now, key: signingKey(privateKey), chance: systemChance });
      return { [KEY]: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, [CERTIFICATE]: certificate };
    },
    read: (files): Root => {
      const key = createPrivateKey(Buffer.from(files[KEY]));
      const certificate = files[CERTIFICATE];
      const parsed = new X509Certificate(certificate);
      if (!parsed.checkPrivateKey(key) || !parsed.verify(parsed.publicKey)) {
        throw new SimulatorError('root_invalid', 'key and certificate do not belong together');
      }
      refusePublishedKey(parsed.publicKey);
      return { certificate, key: signingKey(key) };
    },
  });
}
