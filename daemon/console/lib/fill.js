/* Puts children in the place of those that were there; what h() leaves out is left out here too. */
export function fill(element, ...children) {
    element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
}
