"""The event itself: hidden test sets, submissions, scores, a leaderboard, certificates.

    python -m common.hackathon prepare --event my_event.toml --out event
    python -m common.hackathon submit Higgs --team "Café Quark" --event event/public --predictions my_folder
    python -m common.hackathon choose Higgs-cafe-quark-1a2b3c-20260729T120000Z.zip
    python -m common.hackathon register event --team "Café Quark" --member "Ana García"
    python -m common.hackathon join event --key cafe-quark.key --member "Bo Chen"
    python -m common.hackathon merge event --key cafe-quark.key --with muons.key
    python -m common.hackathon receive event submissions
    python -m common.hackathon score event submissions
    python -m common.hackathon watch event submissions
    python -m common.hackathon serve event submissions
    python -m common.hackathon verify event submissions/Higgs-cafe-quark-1a2b3c-20260729T120000Z.zip
    python -m common.hackathon reveal event
    python -m common.hackathon certificates event
    python -m common.hackathon certificates verify CERTIFICATE.pdf --key event/certificates.pem
    python -m common.hackathon export codabench --event event --out bundles
"""
