// What a model wrote, token by token: shaded, pointed at, chosen.

const SLATE = 2 // its place in the theme's palette
const views = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".strip")
  const theme = getComputedStyle(parentElement.host ?? parentElement)
  const palette = theme.getPropertyValue("--st-chart-categorical-colors").split(",")
  root.style.setProperty("--before", palette[SLATE])
  if (!views.has(root)) views.set(root, stripView(root))
  views.get(root)(data, setTriggerValue)
}

function tokensOf({ pieces, labels, special, prob, bits, rank, deepest }) {
  const hollow = new Set(special)
  const [probs, surprises] = [prob, bits].map((text) => numbersOf(Float32Array, text))
  const ranks = numbersOf(Uint32Array, rank)
  const [deepestBits, percentOfTeal] = deepest
  return pieces.map((parts, i) => ({
    parts,
    label: labels[i],
    hollow: hollow.has(i),
    prob: probs[i],
    bits: surprises[i],
    rank: ranks[i],
    depth: `${Math.round(percentOfTeal * Math.min(1, surprises[i] / deepestBits))}%`,
  }))
}

function stripView(root) {
  const find = (name) => root.querySelector(name)
  const [text, written, card, panel] = [".text", ".written", ".card", ".panel"].map(find)
  let tokens = [], spans = [], seen = []
  let candidates, tell, chosen = null, pointed = 0, panelSeen = ""

  function update(data, trigger) {
    tell = trigger
    tokens = tokensOf(data)
    candidates = candidatesOf(data.rivals)
    find(".unread").textContent = data.unread
    find(".prompt").textContent = data.prompt
    text.classList.toggle("shaded", data.shade)
    write()
    const before = chosen
    choose(data.chosen)
    if (chosen !== before && chosen !== null) reveal(spans[chosen])
  }

  // A text that grows keeps what stands, its place in the box, and its end in view.
  function write() {
    const following = spans.length && text.scrollHeight - text.scrollTop - text.clientHeight < 24
    const now = tokens.map((token, i) => JSON.stringify([token, candidates.many(i) > 0]))
    let same = 0
    while (same < seen.length && seen[same] === now[same]) same++
    if (same === seen.length && same === now.length) return
    hide()
    spans.splice(same).forEach((span) => span.remove())
    for (let i = same; i < now.length; i++) spans.push(drawn(tokens[i], i))
    written.append(...spans.slice(same))
    seen = now
    if (spans.length) written.setAttribute("role", "listbox")
    else written.removeAttribute("role") // a list without entries is none
    if (following) text.scrollTop = text.scrollHeight
  }

  function drawn({ parts, label, hollow, depth }, i) {
    const span = element("span", "token")
    if (candidates.many(i)) span.classList.add("choosable")
    if (hollow || !parts.length) span.classList.add("hollow")
    span.append(...(parts.length ? parts.flatMap(piece) : [label]))
    span.style.setProperty("--depth", depth)
    span.setAttribute("role", "option")
    span.setAttribute("aria-selected", "false")
    span.setAttribute("aria-label", label)
    span.tabIndex = -1
    return span
  }

  function choose(index) {
    if (chosen !== null) spans[chosen]?.setAttribute("aria-selected", "false")
    chosen = index !== null && candidates.many(index) ? index : null
    if (chosen !== null) spans[chosen].setAttribute("aria-selected", "true")
    stop(chosen ?? Math.max(0, spans.findIndex((span) => span.tabIndex === 0)))
    list()
  }

  // The one token that the Tab key stops at.
  function stop(index) {
    for (const span of written.querySelectorAll('[tabindex="0"]')) span.tabIndex = -1
    if (spans[index]) spans[index].tabIndex = 0
  }

  function list() {
    panel.hidden = chosen === null
    const rivals = panel.hidden ? [] : candidates.of(chosen)
    const now = JSON.stringify([chosen, tokens[chosen], rivals])
    if (now === panelSeen) return // what has the focus keeps it
    panelSeen = now
    if (panel.hidden) return
    const [at, token] = [chosen, tokens[chosen]]
    const place = ` is token ${count(at + 1)} of ${count(tokens.length)}: ${inWords(token)}.`
    find(".about").replaceChildren(element("bdi", "", token.label), place)
    const goOn = (id) => tell("branched", { at, id })
    find("ol").replaceChildren(...rivals.map((rival) => candidateRow(rival, token.rank, goOn)))
  }

  function point(index) {
    pointed = index
    const { label, parts } = tokens[index]
    const lines = [element("div", "", element("bdi", "", label)), element("div", "", inWords(tokens[index]))]
    if (parts.length > 1) lines.push(element("div", "", "in a passage that stands word for word in the training text"))
    card.replaceChildren(...lines)
    card.hidden = false
    const [at, frame] = [spans[index].getClientRects()[0], root.getBoundingClientRect()]
    const high = card.offsetHeight + 6
    const below = at.bottom + high < window.innerHeight || at.top < high
    card.style.top = `${(below ? at.bottom + 6 : at.top - high) - frame.top}px`
    const left = Math.min(at.left - frame.left, root.clientWidth - card.offsetWidth)
    card.style.left = `${Math.max(0, left)}px`
  }

  function hide() {
    card.hidden = true
  }

  function reveal(span) {
    const [at, box] = [span.getClientRects()[0], text.getBoundingClientRect()]
    if (at.top < box.top || at.bottom > box.bottom)
      text.scrollTop += at.top - box.top - box.height / 2
  }

  const indexOf = (event) => spans.indexOf(event.target.closest(".token"))

  function take(index) {
    if (index < 0 || !candidates.many(index)) return
    choose(index) // the answer takes a moment
    tell("clicked", index)
  }

  function focus(index) {
    if (!spans[index]) return
    stop(index)
    spans[index].focus({ preventScroll: true })
    reveal(spans[index])
    point(index)
    find(".told").textContent = inWords(tokens[index])
  }

  function keys(event) {
    const at = indexOf(event)
    if (at < 0) return
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: spans.length - 1 }[event.key]
    const line = { ArrowUp: -1, ArrowDown: 1 }[event.key]
    if (to !== undefined) focus(to)
    else if (line) focus(beside(spans, at, line))
    else if (event.key === "Enter" || event.key === " ") take(at)
    else if (event.key === "Escape") hide()
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  written.setAttribute("aria-label", "What the model wrote, token by token")
  written.onclick = (event) => take(indexOf(event))
  written.onkeydown = keys
  written.onpointerover = (event) => {
    const index = event.pointerType === "mouse" ? indexOf(event) : -1
    if (index >= 0) point(index)
  }
  written.onpointerleave = hide
  written.addEventListener("focusin", (event) => {
    if (event.target.matches(":focus-visible")) point(indexOf(event))
  })
  written.addEventListener("focusout", hide)
  text.onscroll = () => card.hidden || point(pointed)
  return update
}

// What of a token is, by turns, not copied and copied; the end of a line can be seen.
function piece(words, i) {
  const lines = words.split("\n")
  const parts = lines.flatMap((line, k) => (k ? [element("span", "newline"), "\n", line] : [line]))
  return i % 2 && words ? [element("span", "copied", ...parts)] : parts
}

function inWords({ prob, rank, bits }) {
  const surprise = bits < 0.01 ? "under 0.01 bits" : `${bits.toFixed(2)} bits`
  return `probability ${percent(prob)}, rank ${count(rank)}, ${surprise}`
}

// The token of the line above or below that is nearest to one.
function beside(spans, at, step) {
  const boxes = spans.map((span) => span.getClientRects()[0])
  const { left, top } = boxes[at]
  const off = (box) => step * (box.top - top)
  const others = boxes.map((_, i) => i).filter((i) => off(boxes[i]) > 8)
  const next = Math.min(...others.map((i) => off(boxes[i])))
  const line = others.filter((i) => off(boxes[i]) < next + 8)
  return line.sort((a, b) => Math.abs(boxes[a].left - left) - Math.abs(boxes[b].left - left))[0]
}
