import crypto from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname } from 'node:path';

/**
 * The worker's program, which also tells a test every secret that it derives: signer, seal key, ephemeral keys and session
 * keys are all made by HKDF. Its own entry, so that nothing of this is in the program that is shipped.
 */
const [role, ...args] = process.argv.slice(2);
const link = args[args.indexOf('--link') + 1];
if (role === 'worker' && link !== undefined) {
  const told = openSync(`${dirname(link)}/secrets`, 'a', 0o600);
  const derive = crypto.hkdfSync;
  crypto.hkdfSync = (...given) => {
    const secret = derive(...given);
    writeSync(told, `${Buffer.from(secret).toString('hex')}\n`);
    return secret;
  };
  syncBuiltinESMExports();
}

await import('../../../enclave/worker/main.ts');
