/* Puts children in the place of those that were there; what h() leaves out is left out here too. Who is at an element with an id stays
 * at its successor: a page that draws itself anew takes nobody's focus away. */
export function fill(element, ...children) {
    const at = element.contains(document.activeElement) ? document.activeElement.id : '';
    element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
    if (at !== '') {
        element.querySelector(`#${CSS.escape(at)}`)?.focus({preventScroll: true});
    }
}
