import { limits } from '../../wire/limits.ts';
import type { HostTransport } from '../transport.ts';

/**
 * Brings a host what it could not see: the `.proofmark` file of a sealed call that was made with `disclose: 'auditors'`. It
 * is shown to the auditors whom the host names. A host that keeps it not says so by its code.
 */
export async function discloseTo(host: HostTransport, archive: Uint8Array): Promise<void> {
  await host.post('/v1/disclosed', archive, limits.bundleBytes);
}
