import type { LanguageOperation } from '../language/body.ts';

/** What a request of an OpenAI or OIP client asks for. Whatever is not in here is refused, never passed on unverified. */
export type Route =
  | { readonly kind: 'language'; readonly operation: LanguageOperation }
  | { readonly kind: 'infer'; readonly model: string; readonly version: string | undefined }
  | { readonly kind: 'models' }
  | { readonly kind: 'model'; readonly model: string };

/** Only the end of the path counts: the address before it is the caller's, and nothing is ever sent there. */
export function routeOf(method: string, url: URL): Route | undefined {
  const path = url.pathname.replace(/\/+$/, '');
  if (method === 'POST') {
    if (path.endsWith('/chat/completions')) return { kind: 'language', operation: 'chat' };
    if (path.endsWith('/completions')) return { kind: 'language', operation: 'completion' };
    const [, model, version] = /\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?\/infer$/.exec(path) ?? [];
    return model === undefined ? undefined : { kind: 'infer', model: decoded(model), version };
  }
  if (method !== 'GET') return undefined;
  if (path.endsWith('/models')) return { kind: 'models' };
  const [, model] = /\/models\/([^/]+)$/.exec(path) ?? [];
  return model === undefined ? undefined : { kind: 'model', model: decoded(model) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
