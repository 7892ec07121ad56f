"""clapcap: captions of sounds, by the MSCLAP 2023 audio tower and a GPT-2 that continues what it hears."""
