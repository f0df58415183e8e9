import type { ReleaseStatusName, Visibility } from '../../wire/message/hub.ts';
import type { HubErrorCode } from './errors.ts';

/**
 * What a hub says about itself: a closed list, of digests, numbers and words. No path, header, body or other text of a
 * request comes near it (attack cases R13, R14).
 */
export type HubEvent =
  | { readonly event: 'listening'; readonly url: string; readonly releases: number; readonly blobs: number }
  | { readonly event: 'upload_opened'; readonly modelId: string; readonly missing: number }
  | { readonly event: 'upload_dropped'; readonly modelId: string; readonly why: 'idle' | 'unreadable' }
  | {
      readonly event: 'published';
      readonly modelId: string;
      readonly namespace: string;
      readonly visibility: Visibility;
    }
  | { readonly event: 'visibility_set'; readonly modelId: string; readonly visibility: Visibility }
  | { readonly event: 'status_set'; readonly modelId: string; readonly status: ReleaseStatusName }
  | { readonly event: 'blob_damaged'; readonly sha256: string; readonly found: 'missing' | 'size' | 'digest' }
  | { readonly event: 'blob_healed'; readonly modelId: string }
  | { readonly event: 'swept'; readonly blobs: number }
  | { readonly event: 'reloaded' }
  | { readonly event: 'reload_failed' }
  | { readonly event: 'maintenance_failed' }
  | { readonly event: 'request_failed'; readonly code: HubErrorCode }
  | { readonly event: 'stopped' };

export type HubEventSink = (event: HubEvent) => void;
