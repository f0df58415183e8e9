import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { verifyStatus } from '../verifier/index.ts';
import { nodeSuite } from '../wire/crypto/node.ts';
import { WireError } from '../wire/errors.ts';
import { limits } from '../wire/limits.ts';
import { decodeSignedStatus, type SignedStatus } from '../wire/message/hub.ts';
import type { Manifest } from '../wire/message/manifest.ts';

export const STATUS_FILE = 'status.json';

/** `code` says why what lies there is not passed on. */
export type KeptStatus =
  | { readonly kind: 'none' }
  | { readonly kind: 'signed'; readonly bytes: Uint8Array }
  | { readonly kind: 'unusable'; readonly code: string };

/**
 * What the owner says of a release, from the file beside it. It is read when it is asked for, so that an operator replaces
 * it under a running host; and judged as clients judge it, since for what is not the owner's word they blame the host.
 */
export async function readStatus(
  directory: string,
  { modelId, manifest }: { readonly modelId: Uint8Array; readonly manifest: Manifest },
): Promise<KeptStatus> {
  const bytes = await read(join(directory, STATUS_FILE));
  if (bytes === 'none') return { kind: 'none' };
  if (bytes === 'unreadable') return { kind: 'unusable', code: 'status_unreadable' };
  const given = parse(bytes);
  if (given === undefined) return { kind: 'unusable', code: 'status_invalid' };
  const { owner } = manifest;
  const verdict = await verifyStatus(given, { modelId, owner, seen: 'nothing', refuse: 'nothing', suite: nodeSuite });
  return verdict.verdict === 'accepted' ? { kind: 'signed', bytes } : { kind: 'unusable', code: verdict.code };
}

function parse(bytes: Uint8Array): SignedStatus | undefined {
  try {
    return decodeSignedStatus(bytes);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** A byte more than a status may have is enough to refuse it. */
async function read(path: string): Promise<Uint8Array | 'none' | 'unreadable'> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const buffer = new Uint8Array(limits.signedStatusBytes + 1);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'none' : 'unreadable';
  }
}
