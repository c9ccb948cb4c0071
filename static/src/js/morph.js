// htmx's morph by itself. A swap would parse what is parsed already, and look for attributes of htmx's
// own, which content has none of.

let morphInto;
htmx.registerExtension("stakehold-morph", {
  init(api) {
    morphInto = api.morph;
  },
});

/** Turns `element` into `next`, keeping what is the same: focus, scroll, what was typed. */
export function morph(element, next) {
  const fragment = document.createDocumentFragment();
  fragment.append(next);
  morphInto(element, fragment, false);
}
