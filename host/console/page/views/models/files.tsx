import type { VNode } from 'preact';
import type { Manifest } from '../../../../../wire/message/manifest.ts';
import { Card } from '../../parts/card.tsx';
import { Hex } from '../../parts/hex.tsx';
import { countWords } from '../../parts/words.ts';

/** Every file that the model id stands for. */
export function FilesOf({ manifest: { files } }: { readonly manifest: Manifest }): VNode {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  return (
    <Card title="Files" aside={<span class="tag">{`${files.length} files, ${countWords(bytes)} bytes`}</span>}>
      <table class="data files">
        <thead>
          <tr>
            <th scope="col">Path</th>
            <th scope="col">Bytes</th>
            <th scope="col">SHA-256</th>
          </tr>
        </thead>
        <tbody>
          {files.map(({ path, size, sha256 }) => (
            <tr key={path}>
              <td>
                <code>{path}</code>
              </td>
              <td class="number">{countWords(size)}</td>
              <td>
                <Hex value={sha256} name={`digest of ${path}`} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
