import { readOptions } from './arguments.ts';
import { StartError } from './errors.ts';
import { serveUntilStopped } from './serve.ts';

async function main(): Promise<void> {
  await serveUntilStopped(readOptions(process.argv.slice(2)));
  process.exit(0);
}

main().catch((error: unknown) => {
  const code = error instanceof StartError ? error.code : 'internal';
  const message = error instanceof StartError ? error.message : String((error as { readonly stack?: string })?.stack);
  process.stderr.write(`${JSON.stringify({ event: 'start_failed', code, message })}\n`);
  process.exit(1);
});
