import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { BenchError } from '../report.ts';

/** Requests per second as a load generator sees them that others wrote, so that ours need not be believed. It takes text. */
export async function autocannonRps(url: string, json: string, connections: number): Promise<number> {
  const program = join(import.meta.dirname, '../../../node_modules/autocannon/autocannon.js');
  const type = 'Content-Type=application/json';
  const args = ['-j', '-c', String(connections), '-d', '2', '-m', 'POST', '-H', type, '-b', json, url];
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await new Promise((resolve) => child.once('close', resolve));
  const { requests, non2xx } = JSON.parse(text) as {
    readonly requests: { readonly average: number };
    readonly non2xx: number;
  };
  if (non2xx > 0) throw new BenchError('answer_wrong', `${non2xx} answers to autocannon`);
  return requests.average;
}
