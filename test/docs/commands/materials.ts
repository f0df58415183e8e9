import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configurationToJson } from '../../../cli/configuration/json.ts';
import type { Shell } from './shell.ts';

/** What pages take for granted: things that their readers have, or were given by somebody. */

/** A stranger's host that serves a chat model, with the policy that its operator published. */
export interface Stranger {
  readonly url: string;
  readonly policyFile: string;
  readonly archiveFile: string;
  readonly configurationFile: string;
  readonly releaseDirectory: string;
  readonly requestId: string;
}

export async function startStranger(root: string, shell: Shell): Promise<Stranger> {
  const state = join(shell.folder, 'host');
  const release = join(root, 'models/tiny-chat');
  const text = await shell.serve(`proofmark up --release ${release} --state ${state} --port 0`, /Ctrl-C/);
  return {
    url: found(text, /^ {2}(http:\/\/127\.0\.0\.1:\d+)$/m),
    policyFile: join(state, 'policy.json'),
    archiveFile: join(state, 'answer.proofmark'),
    configurationFile: join(state, 'configuration.cbor'),
    releaseDirectory: join(state, 'releases', readdirSync(join(state, 'releases'))[0] ?? 'none'),
    requestId: found(text, /^ +request +([0-9a-f]{64})$/m),
  };
}

export function found(text: string, pattern: RegExp): string {
  const one = pattern.exec(text)?.[1];
  if (one === undefined) throw new Error(`nothing like ${pattern} in:\n${text}`);
  return one;
}

interface VectorCase {
  readonly document?: string;
  readonly report?: string;
  readonly certificates?: readonly string[];
}

/** Files that a reader's folder has before the page begins. */
export function layOut(root: string, folder: string, stranger: Stranger): void {
  mkdirSync(folder, { recursive: true });
  copyFileSync(stranger.policyFile, join(folder, 'policy.json'));
  copyFileSync(stranger.archiveFile, join(folder, 'answer.proofmark'));
  cpSync(stranger.releaseDirectory, join(folder, 'release'), { recursive: true });
  const configuration = configurationToJson(Uint8Array.from(readFileSync(stranger.configurationFile)));
  writeFileSync(join(folder, 'worker.json'), JSON.stringify(configuration));
  copyFileSync(join(root, 'models/volatility-1h/model.onnx'), join(folder, 'model.onnx'));
  symlinkSync(join(root, 'models'), join(folder, 'models'));
  cpSync(join(root, 'deploy'), join(folder, 'deploy'), { recursive: true });
  const vectors = join(root, 'attestations/vectors/evidence');
  const [nitro] = casesOf(join(vectors, 'nitro/accepted.json'));
  writeFileSync(join(folder, 'document.cbor'), Buffer.from(nitro?.document ?? '', 'base64url'));
  const [snp] = casesOf(join(vectors, 'snp/accepted.json'));
  writeFileSync(join(folder, 'report.bin'), Buffer.from(snp?.report ?? '', 'base64url'));
  const der = JSON.parse(readFileSync(join(vectors, 'snp/certificates.json'), 'utf8')) as Readonly<
    Record<string, string>
  >;
  const [leaf, ...authorities] = (snp?.certificates ?? []).map((name) => Buffer.from(der[name] ?? '', 'base64url'));
  writeFileSync(join(folder, 'vcek.der'), leaf ?? '');
  writeFileSync(join(folder, 'ask_ark.pem'), authorities.map(pem).join(''));
}

function casesOf(path: string): readonly VectorCase[] {
  return JSON.parse(readFileSync(path, 'utf8')) as readonly VectorCase[];
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
