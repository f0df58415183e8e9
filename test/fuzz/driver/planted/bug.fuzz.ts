import { parsePlanted } from './parser.ts';

export function fuzz(data: Uint8Array): void {
  parsePlanted(data);
}
