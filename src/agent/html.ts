/** Text that is HTML already. */
export interface Html {
  readonly html: string;
}

type Part = Html | string | number | readonly Html[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A template whose parts are escaped, unless they are HTML: nothing gets into a page by being forgotten. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return {
    html: texts.map((text, index) => (index === 0 ? text : partText(parts[index - 1] as Part) + text)).join(''),
  };
}

function partText(part: Part): string {
  if (typeof part === 'string' || typeof part === 'number') {
    return String(part).replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
  }
  return 'html' in part ? part.html : part.map(({ html: text }) => text).join('');
}
