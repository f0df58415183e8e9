/** A release's card as it is drawn: text in a few forms. There is no form that loads, runs or leads anywhere. */
export type Block =
  | { readonly kind: 'heading'; readonly level: number; readonly text: readonly Inline[] }
  | { readonly kind: 'paragraph'; readonly text: readonly Inline[] }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'quote'; readonly blocks: readonly Block[] }
  | { readonly kind: 'list'; readonly first: number | null; readonly items: readonly (readonly Block[])[] }
  | {
      readonly kind: 'table';
      readonly header: readonly (readonly Inline[])[];
      readonly rows: readonly (readonly (readonly Inline[])[])[];
    }
  | { readonly kind: 'rule' }
  /** More follows, and is not drawn. */
  | { readonly kind: 'cut' };

export type Inline =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'strong' | 'emphasis'; readonly text: readonly Inline[] }
  /** Shown with its address, and followed by nobody. */
  | { readonly kind: 'link'; readonly label: string; readonly address: string }
  /** Named, and not loaded. */
  | { readonly kind: 'image'; readonly label: string; readonly address: string }
  | { readonly kind: 'break' };
