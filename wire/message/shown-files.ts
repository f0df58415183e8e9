import { limits } from '../limits.ts';
import type { Manifest, ManifestFile } from './manifest.ts';

/** The file in which a publisher tells people about a release. */
export const CARD_FILE = 'README.md';

/**
 * The files of a release that a host shows to whoever asks: its card, and the samples that its manifest names. Weights are
 * handed out by hubs, where their owners put them.
 */
export function shownFiles({ files, samples }: Pick<Manifest, 'files' | 'samples'>): readonly ManifestFile[] {
  const shown = new Set([CARD_FILE, ...samples.flatMap(({ request, response }) => [request, response])]);
  return files.filter(({ path, size }) => shown.has(path) && size <= limits.shownFileBytes);
}
