/** Twice on one page, by two bundles, is not an error. */
export function define(name: `pannier-${string}`, element: CustomElementConstructor): void {
  if (!customElements.get(name)) customElements.define(name, element);
}
