// All heads at once: a small map for each, a line of maps for each layer; one can be chosen.

export default function ({ data, parentElement, setTriggerValue }) {
  const board = parentElement.querySelector(".board")
  const { layers, heads } = data
  if (board.dataset.shape !== `${layers} ${heads}`) build(board, layers, heads)
  const buttons = [...board.querySelectorAll("button")]
  const colors = themeOf(parentElement).sequential.map(pixel)
  const bytes = bytesOf(data.images)
  const chosen = data.chosen ? data.chosen[0] * heads + data.chosen[1] : -1

  buttons.forEach((button, i) => {
    const place = [Math.floor(i / heads), i % heads]
    const badge = data.badges[place[0]][place[1]]
    const words = button.querySelector("span")
    words.textContent = badge
    words.classList.toggle("unclear", badge.startsWith(data.unclear))
    const name = `layer ${place[0]}, head ${place[1]}`
    button.setAttribute("aria-label", badge ? `${name}: ${badge}` : name)
    choose(button, i === chosen)
    button.tabIndex = i === Math.max(chosen, 0) ? 0 : -1
    paint(button.querySelector("canvas"), bytes, i, data.side, colors)
    button.onclick = () => {
      buttons.forEach((other) => choose(other, other === button)) // the answer takes a moment
      setTriggerValue("clicked", place)
    }
  })
  board.onkeydown = (event) => move(event, buttons, heads)
}

function build(board, layers, heads) {
  const said = (words, name) => {
    const label = document.createElement("div")
    label.className = name
    label.textContent = words
    return label
  }
  const cells = [said("", "corner")]
  for (let head = 0; head < heads; head++) cells.push(said(`head ${head}`, "column"))
  for (let layer = 0; layer < layers; layer++) {
    cells.push(said(`layer ${layer}`, "row"))
    for (let head = 0; head < heads; head++) {
      const button = document.createElement("button")
      button.type = "button"
      button.append(document.createElement("canvas"), document.createElement("span"))
      cells.push(button)
    }
  }
  board.replaceChildren(...cells)
  board.style.setProperty("--layers", layers)
  board.style.setProperty("--heads", heads)
  board.dataset.shape = `${layers} ${heads}`
}

function choose(button, chosen) {
  button.setAttribute("aria-pressed", String(chosen))
}

// One picture: 0 is where nobody can look, 1 to 255 are the weights 0 to 1.
function paint(canvas, bytes, which, side, colors) {
  if (canvas.width !== side || canvas.height !== side) canvas.width = canvas.height = side
  const context = canvas.getContext("2d")
  const picture = context.createImageData(side, side)
  const pixels = new Uint32Array(picture.data.buffer)
  for (let i = 0; i < pixels.length; i++) {
    const level = bytes[which * pixels.length + i]
    if (level) pixels[i] = colors[Math.round(((level - 1) * 255) / 254)]
  }
  context.putImageData(picture, 0, 0)
}

// Arrow keys go from map to map, so that the board is one stop of the Tab key.
function move(event, buttons, heads) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -heads, ArrowDown: heads }
  const at = buttons.indexOf(event.target.closest("button"))
  const next = buttons[at + (steps[event.key] ?? NaN)]
  if (at < 0 || !next) return
  event.preventDefault()
  buttons.forEach((button) => (button.tabIndex = button === next ? 0 : -1))
  next.focus()
}
