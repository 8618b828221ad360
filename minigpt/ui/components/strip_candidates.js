// The candidates of a strip's tokens: out of what Python packed, and as rows under the text.

function candidatesOf({ many, id, prob, drawn_from, cut, drawn, filters, labels }) {
  const lengths = numbersOf(Uint32Array, many)
  const starts = [0]
  for (const length of lengths) starts.push(starts.at(-1) + length)
  const ids = numbersOf(Uint32Array, id)
  const [cuts, isDrawn] = [cut, drawn].map((text) => numbersOf(Uint8Array, text))
  const [bare, final] = [prob, drawn_from].map((text) => numbersOf(Float32Array, text))
  return {
    many: (token) => lengths[token] ?? 0,
    of: (token) =>
      Array.from({ length: lengths[token] }, (_, k) => {
        const i = starts[token] + k
        const filter = cuts[i] ? filters[cuts[i] - 1] : null
        const label = labels[ids[i]]
        return { id: ids[i], label, bare: bare[i], final: final[i], filter, drawn: isDrawn[i] > 0, byHand: isDrawn[i] > 1 }
      }),
  }
}

function candidateRow(rival, rank, choose) {
  const chip = element("bdi", "", rival.label)
  const bars = element("div", "bars", bar("before", rival.bare), bar("after", rival.final))
  const after = rival.filter ? `cut by ${rival.filter}` : percent(rival.final)
  const numbers = element(
    "div",
    "numbers",
    said("bare model: ", percent(rival.bare)),
    said("drawn from: ", after),
  )
  numbers.lastChild.classList.toggle("cut", rival.filter !== null)
  const action = element("div", "action")
  if (rival.drawn) action.append(element("div", "mark", `${rival.byHand ? "your choice" : "drawn"}, no. ${count(rank)}`))
  else {
    const button = element("button", "", "Go on with this one")
    button.type = "button"
    button.setAttribute("aria-label", `Go on with this one: ${rival.label}`)
    button.onclick = () => choose(rival.id)
    action.append(button)
  }
  return element("li", rival.drawn ? "drawn" : "", element("div", "name", chip), bars, numbers, action)
}

function bar(name, share) {
  const filled = element("i", name)
  filled.style.width = `${100 * share}%`
  const whole = element("div", "bar", filled)
  whole.setAttribute("aria-hidden", "true")
  return whole
}

const said = (unseen, seen) => element("span", "", element("span", "unseen", unseen), seen)
