/**
 * The part of CycloneDX 1.6 that our lists use, strictly: a name that this schema does not have is refused, so that a
 * list cannot drift into something that the standard's own schema would refuse. Written after the standard's text; the
 * published schema (ECMA-424) was also run over a real list when this was written.
 */
const named = { type: 'string', minLength: 1 };
const hashes = {
  type: 'array',
  minItems: 1,
  items: {
    oneOf: [
      closed({ alg: { const: 'SHA-256' }, content: { type: 'string', pattern: '^[0-9a-f]{64}$' } }),
      closed({ alg: { const: 'SHA-512' }, content: { type: 'string', pattern: '^[0-9a-f]{128}$' } }),
    ],
  },
};
const component = {
  type: 'object',
  properties: {
    type: { enum: ['application', 'library', 'platform', 'operating-system', 'firmware', 'file'] },
    'bom-ref': named,
    name: named,
    version: named,
    purl: { type: 'string', pattern: '^pkg:(deb/debian|npm|generic)/[^@ ]+@[^@ ]+$' },
    licenses: { type: 'array', minItems: 1, maxItems: 1, items: closed({ expression: named }) },
    hashes,
    externalReferences: {
      type: 'array',
      items: closed({ type: { const: 'distribution' }, url: named, hashes }),
    },
    components: { type: 'array', minItems: 1, items: { $ref: '#/$defs/component' } },
  },
  required: ['type', 'bom-ref', 'name'],
  additionalProperties: false,
};

export const bomSchema: object = {
  ...closed({
    $schema: { const: 'http://cyclonedx.org/schema/bom-1.6.schema.json' },
    bomFormat: { const: 'CycloneDX' },
    specVersion: { const: '1.6' },
    version: { const: 1 },
    metadata: closed({ component: { $ref: '#/$defs/component' } }),
    components: { type: 'array', minItems: 1, items: { $ref: '#/$defs/component' } },
    dependencies: {
      type: 'array',
      uniqueItems: true,
      items: closed({ ref: named, dependsOn: { type: 'array', uniqueItems: true, items: named } }),
    },
    compositions: {
      type: 'array',
      items: closed({ aggregate: { enum: ['complete', 'incomplete'] }, assemblies: { type: 'array', items: named } }),
    },
  }),
  $defs: { component },
};

function closed(properties: Readonly<Record<string, object>>): object {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}
