const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text inside of XML, in an attribute too. */
export function escapeXml(text) {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character]);
}
