import type { TextStore } from './connection/policy.ts';

/** `system` follows the machine's own setting. */
export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const KEPT_AS = 'proofmark.theme';

export function firstTheme(store: TextStore): Theme {
  const kept = store.load(KEPT_AS);
  return themes.find((theme) => theme === kept) ?? 'system';
}

export function applyTheme(theme: Theme, store: TextStore): void {
  if (theme === 'system') {
    delete document.documentElement.dataset['theme'];
    store.remove(KEPT_AS);
    return;
  }
  document.documentElement.dataset['theme'] = theme;
  store.save(KEPT_AS, theme);
}
