"""A stand-in for StarCraft II: our simulation behind the game's own network interface.

THIS IS NOT STARCRAFT II. It is a server that speaks the game's API (protobuf over a websocket on
the loopback interface) and answers from the embedded minigames. The real client library starts it,
connects to it and plays it as it does the real game; so everything between an agent and that
library can be tested, and tried out, where the game is not installed. What an agent scores on it
is what it scores in the embedded games.

    python -m l2rl.envs.starcraft2.loopback DIRECTORY
    export SC2PATH=DIRECTORY
"""
