/**
 * Give an element these children, in this order. Those that it has already are left where they
 * are, as far as can be: what is pressed, focused or selected in them stays so, and nothing that
 * stays is read out anew.
 */
export function arrange(parent: Element, children: Iterable<Element>): void {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  let next = parent.firstElementChild;
  for (const child of wanted) {
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
}
